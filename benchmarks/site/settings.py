"""The smallest project that a shop with coldrec would be. ``project.set_up`` says where it lives.

``DATABASE_URL``            the server to use; a file of our own where it is not set
``COLDREC_BENCH_SETTINGS``  more of COLDREC as JSON, for the processes that a benchmark starts
``COLDREC_BENCH_CACHE_KB``  of a SQLite file that a process keeps in memory, if not what the demo shop allows
"""

import os
from pathlib import Path

import environ

env = environ.Env()
FOLDER = Path(os.environ["COLDREC_BENCH_DIR"])

SECRET_KEY = "for-benchmarks-only-" + "x" * 50
DEBUG = False
ALLOWED_HOSTS = ["127.0.0.1", "localhost"]
USE_TZ = True
ROOT_URLCONF = "benchmarks.site.urls"
WSGI_APPLICATION = None
STATIC_URL = "/static/"
DEFAULT_AUTO_FIELD = "django.db.models.BigAutoField"
DATABASES = {"default": env.db("DATABASE_URL", default=f"sqlite:///{FOLDER / 'unused.sqlite3'}")}
if DATABASES["default"]["ENGINE"].endswith("sqlite3"):
    DATABASES["default"]["TEST"] = {"NAME": str(FOLDER / "db.sqlite3")}
    DATABASES["default"]["OPTIONS"] = {
        # As the demo shop has it: writers queue at BEGIN instead of failing half way.
        "transaction_mode": "IMMEDIATE",
        "timeout": 20,
        "init_command": "PRAGMA journal_mode=WAL; PRAGMA synchronous=NORMAL; PRAGMA cache_size=-"
        f"{env.int('COLDREC_BENCH_CACHE_KB', default=65_536)};",
    }
else:
    DATABASES["default"]["TEST"] = {"NAME": f"coldrec_bench_{FOLDER.name.replace('-', '_').lower()}"}
DATABASES["default"]["CONN_MAX_AGE"] = 600  # a page pays for its queries, not for connecting
if os.environ.get("COLDREC_BENCH_MADE"):  # a child works on what its parent has made
    DATABASES["default"]["NAME"] = DATABASES["default"]["TEST"]["NAME"]
INSTALLED_APPS = [
    "django.contrib.admin",
    "django.contrib.auth",
    "django.contrib.contenttypes",
    "django.contrib.sessions",
    "django.contrib.messages",
    "django.contrib.staticfiles",
    "rest_framework",
    "drf_spectacular",
    "coldrec",
]
MIDDLEWARE = [
    "django.middleware.security.SecurityMiddleware",
    "django.contrib.sessions.middleware.SessionMiddleware",
    "django.middleware.locale.LocaleMiddleware",
    "django.middleware.common.CommonMiddleware",
    "django.middleware.csrf.CsrfViewMiddleware",
    "django.contrib.auth.middleware.AuthenticationMiddleware",
    "django.contrib.messages.middleware.MessageMiddleware",
    "coldrec.middleware.VisitorMiddleware",
]
TEMPLATES = [
    {
        "BACKEND": "django.template.backends.django.DjangoTemplates",
        "DIRS": [Path(__file__).parent / "templates"],
        "APP_DIRS": True,
        "OPTIONS": {
            "context_processors": [
                "django.template.context_processors.request",
                "django.contrib.auth.context_processors.auth",
                "django.contrib.messages.context_processors.messages",
            ]
        },
    }
]
REST_FRAMEWORK = {"DEFAULT_SCHEMA_CLASS": "drf_spectacular.openapi.AutoSchema"}
COLDREC = {
    "ARTIFACTS": str(FOLDER / "artifacts"),
    # The throttle does its work at every request and lets everyone through.
    "THROTTLES": {"coldrec-events": "1000000000/min", "coldrec-lists": "1000000000/min"},
    **env.json("COLDREC_BENCH_SETTINGS", default={}),
}
LOGGING = {
    "version": 1,
    "disable_existing_loggers": False,
    "handlers": {"file": {"class": "logging.FileHandler", "filename": str(FOLDER / "site.log")}},
    "root": {"handlers": ["file"], "level": "WARNING"},
    "loggers": {"django.server": {"handlers": [], "level": "ERROR"}},
}
