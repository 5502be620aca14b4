"""A process that has a language model read a whole shop, and tells how many bytes it held at most."""

from __future__ import annotations

import django

from benchmarks.site import project


def main() -> None:
    django.setup()
    from coldrec.services import encoders, shops, vectors

    shop = shops.current()
    for encoder in encoders.reading(shop):
        vectors.refresh(shop, encoder)
    print(project.peak_bytes())


if __name__ == "__main__":
    main()
