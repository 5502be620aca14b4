"""Say what works today, what is missing, and the one line that turns it on."""

import json
import sys
from argparse import ArgumentParser
from dataclasses import asdict
from typing import Any

from django.core.management.base import BaseCommand
from django.utils.translation import gettext as _
from django.utils.translation import ngettext

from coldrec import __version__, conf
from coldrec.services import doctor
from coldrec.services.doctor import State


class Command(BaseCommand):
    help = "Say what works today, what is missing, and the one line that turns it on. Changes nothing."
    requires_system_checks = ()  # wrong settings are among the findings

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("--json", action="store_true", help="Print the findings as one JSON object.")

    def handle(self, *args: Any, **options: Any) -> None:
        diagnosis = doctor.diagnose()
        broken = sum(finding.state is State.BROKEN for finding in diagnosis.findings)
        if options["json"]:
            answer = {
                "healthy": diagnosis.is_healthy,
                "shop": conf.get("SHOP"),
                "release": __version__,
                "findings": [asdict(finding) for finding in diagnosis.findings],
            }
            self.stdout.write(json.dumps(answer, indent=2))
        else:
            self._print(diagnosis, broken)
        if not diagnosis.is_healthy:
            sys.exit(1)

    def _print(self, diagnosis: doctor.Diagnosis, broken: int) -> None:
        words = {
            State.WORKS: self.style.SUCCESS(_("works").ljust(9)),
            State.WAITING: self.style.WARNING(_("waiting").ljust(9)),
            State.OFF: _("off").ljust(9),
            State.BROKEN: self.style.ERROR(_("broken").ljust(9)),
        }
        for finding in diagnosis.findings:
            self.stdout.write(f"{words[finding.state]} {finding.topic}: {finding.says}")
            if finding.fix:
                self.stdout.write(f"{'':9}   → {finding.fix}")
        self.stdout.write("")
        if broken:
            said = ngettext("%d thing is broken; start there.", "%d things are broken; start with the first.", broken)
            self.stdout.write(self.style.ERROR(said % broken))
        else:
            self.stdout.write(self.style.SUCCESS(_("Nothing is broken.")))
