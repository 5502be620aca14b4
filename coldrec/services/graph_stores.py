from coldrec.backends.graph.orm import OrmGraphStore
from pathlib import Path
from coldrec import conf
def of(shop): return OrmGraphStore(shop, Path(conf.get("ARTIFACTS")))
