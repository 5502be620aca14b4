"""The process that is killed: ``python -m benchmarks.faults_of.relay`` brings over what waits, in small batches."""

from __future__ import annotations

import time

BATCH = 20  # nodes, so that there are many moments to be killed at


def main() -> None:
    import django

    django.setup()
    from coldrec.services import graph_sync, shops

    shop = shops.current()
    print("here", flush=True)
    while True:
        graph_sync.deliver(shop, batch_size=BATCH)
        time.sleep(0.05)


if __name__ == "__main__":
    main()
