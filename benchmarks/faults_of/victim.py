"""The process that is killed: ``python -m benchmarks.faults_of.victim fit|promote STAGE [VERSION]``.

At the stage it says so and waits for its end. ``fit never`` trains as often as it is let.
"""

from __future__ import annotations

import os
import sys
import time
from typing import Any

FIT_STAGES = ("simulating cold starts", "fitting on everything", "flushing", "done")
PROMOTE_STAGES = ("version saved", "pointer moved")


def wait(*_: Any, **__: Any) -> None:
    print("here", flush=True)
    time.sleep(600)


def main(what: str, stage: str, version: str = "") -> None:
    import django

    django.setup()
    from django.db.models.signals import post_save

    from coldrec.models import ModelVersion, Shop
    from coldrec.services import shops, training

    if what == "fit":
        if stage == "flushing":
            os.fsync = wait
        if stage == "never":
            print("here", flush=True)
        while True:
            training.fit_shop(shops.current(), progress=lambda said, _share: wait() if said == stage else None)
    post_save.connect(wait, sender={"version saved": ModelVersion, "pointer moved": Shop}[stage])
    training.promote(ModelVersion.objects.get(pk=version), force=True)


if __name__ == "__main__":
    main(*sys.argv[1:])
