"""Have the language model read what it has not read yet."""

from __future__ import annotations

from argparse import ArgumentParser
from typing import Any

from django.core.management.base import BaseCommand, CommandError

from coldrec.core.errors import EncoderError
from coldrec.management.progress import ProgressLine


class Command(BaseCommand):
    help = (
        "Has the shop's language model read the items that it has not read as they are now. Safe to stop and to run "
        "again; a second run changes nothing."
    )

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument(
            "--install",
            action="store_true",
            help="First install the model that COLDREC['ENCODER'] names, and put it to use if none is.",
        )
        parser.add_argument("--off", action="store_true", help="Use no language model from the next fit on, and stop.")
        parser.add_argument("--encoder", type=int, metavar="N", help="Read with version N, not with those in use.")
        parser.add_argument("--dry-run", action="store_true", help="Say how many items would be read, and stop.")

    def handle(self, *args: Any, **options: Any) -> None:
        from coldrec.services import encoders, shops

        shop = shops.current()
        if options["off"]:
            encoders.put_in_use(shop, None)
            self.stdout.write("No language model is in use; what serves keeps the one it was fitted with.")
            return
        try:
            if options["install"] and not options["dry_run"]:
                self._install(shop)
            for encoder in self._chosen(shop, options["encoder"]):
                self._read(shop, encoder, is_dry=options["dry_run"], is_shown=options["verbosity"] > 0)
        except EncoderError as error:
            raise CommandError(str(error)) from error
        except KeyboardInterrupt:
            raise CommandError("Stopped. What is done stays done; run it again to finish.", returncode=130) from None

    def _install(self, shop: Any) -> None:
        from coldrec.services import encoders

        version = encoders.install(shop)
        card = version.card
        languages = ", ".join(card["languages"]) or encoders.NOT_STATED
        used = encoders.in_use(shop)
        state = "in use" if used == version else f"not in use: {used} is; fit a model with it to change over"
        self.stdout.write(
            f"{version} is {version.source}: {version.dims} numbers a vector, licence {card['licence']}, languages "
            f"{languages}; {state}."
        )
        if said := encoders.warning(version):
            self.stderr.write(self.style.WARNING(said))

    def _chosen(self, shop: Any, number: int | None) -> list[Any]:
        from coldrec.services import encoders

        if number is None:
            chosen = encoders.reading(shop)
            if not chosen:
                raise EncoderError("no language model is in use; name one in COLDREC['ENCODER'] and add --install")
            return chosen
        chosen = list(shop.encoders.filter(number=number))
        if not chosen:
            there = ", ".join(f"e{one}" for one in shop.encoders.values_list("number", flat=True)[:5])
            raise EncoderError(f"there is no encoder version {number}; there are {there or 'none'}")
        return chosen

    def _read(self, shop: Any, encoder: Any, *, is_dry: bool, is_shown: bool) -> None:
        from coldrec.services import vectors

        if is_dry:
            items, fresh = vectors.coverage(shop, encoder)
            self.stdout.write(f"{encoder} would look at {items - fresh:,} of {items:,} items; {fresh:,} are unchanged.")
            return
        with ProgressLine(self.stderr, "items", is_shown=is_shown) as progress:
            done = vectors.refresh(shop, encoder, progress=progress)
        if is_shown:
            self.stdout.write(
                f"{encoder} has read {done.encoded:,} items in {done.seconds:.1f} s; of {done.renewed:,} the text is "
                f"as it was, {done.unchanged:,} are unchanged."
            )
