"""Settings of the demo shop. Everything that differs between machines comes from the environment.

``SHOP``          which catalogue: ``own`` (default) or ``complete_journey``; each has its own folder and database
``DEMO_DIR``      folder for the database, pictures, artifacts and the generated secret; default ``var``
``DATABASE_URL``  default: a SQLite file in that folder
``REDIS_URL``     cache and task broker; without it both stay inside the process
``ENCODER``       hub id or folder of a language model, or ``english``; default: none
``NEO4J_URL``     ``bolt://user:password@host:7687/database`` for a copy of the knowledge graph; default: no copy
``DEBUG``         default true: this is a demo. ``SECRET_KEY`` and ``ALLOWED_HOSTS`` must be given when it is false
"""

import secrets
from pathlib import Path
from urllib.parse import unquote

import environ
from django.core.exceptions import ImproperlyConfigured
from django.urls import reverse_lazy
from django.utils.translation import gettext_lazy as _
from oscar import INSTALLED_APPS as OSCAR_APPS
from oscar.defaults import *  # noqa: F403  oscar's own way to hand a project its defaults

env = environ.Env()
BASE_DIR = Path(__file__).resolve().parent.parent

# Which shop, and where it lives -----------------------------------------------------------------------------------

SHOPS = {
    "own": {
        "name": "Fell & Harbour",
        "tagline": _("Good things to wear, use, eat and plan with"),
        "currency": "GBP",
        "ontology": ["fashion", "electronics", "home", "health_food", "finance"],
    },
    "complete_journey": {
        "name": "The Complete Journey",
        "tagline": _("A year at the grocer's"),
        "currency": "USD",
        "ontology": ["health_food"],
    },
}
SHOP = env("SHOP", default="own")
if SHOP not in SHOPS:
    raise ImproperlyConfigured(f"SHOP is {SHOP!r}; it must be one of {', '.join(SHOPS)}.")
DEMO_DIR = Path(env("DEMO_DIR", default=str(BASE_DIR / "var"))).resolve()
SHOP_DIR = DEMO_DIR / SHOP
SHOP_DIR.mkdir(parents=True, exist_ok=True)

DEBUG = env.bool("DEBUG", default=True)
ALLOWED_HOSTS = env.list("ALLOWED_HOSTS", default=["127.0.0.1", "localhost", "[::1]", "testserver"] if DEBUG else [])


def own_secret(path: Path) -> str:
    """The secret in ``path``, made on first use and readable by its owner alone; two first starts agree on one."""
    draft = path.with_name(f"{path.name}.{secrets.token_hex(4)}")
    try:
        if not path.exists():
            draft.touch(mode=0o600)
            draft.write_text(secrets.token_urlsafe(50))
            path.hardlink_to(draft)  # unlike a rename, fails if another process was first
    except FileExistsError:
        pass
    finally:
        draft.unlink(missing_ok=True)
    return path.read_text()


SECRET_KEY = env("SECRET_KEY", default=None) or (own_secret(DEMO_DIR / "secret_key") if DEBUG else None)
if not SECRET_KEY:
    raise ImproperlyConfigured("SECRET_KEY is not set; outside DEBUG it must come from the environment.")

# Database, cache, tasks -------------------------------------------------------------------------------------------

DATABASES = {"default": env.db("DATABASE_URL", default=f"sqlite:///{SHOP_DIR / 'db.sqlite3'}")}
if DATABASES["default"]["ENGINE"].endswith("sqlite3"):
    DATABASES["default"]["OPTIONS"] = {
        # A writer takes its lock at BEGIN, so two writers queue instead of failing half way (SQLITE_BUSY).
        "transaction_mode": "IMMEDIATE",
        "timeout": 20,
        "init_command": "PRAGMA journal_mode=WAL; PRAGMA synchronous=NORMAL; PRAGMA cache_size=-65536;",
    }
DEFAULT_AUTO_FIELD = "django.db.models.BigAutoField"

REDIS_URL = env("REDIS_URL", default="")
if REDIS_URL:
    CACHES = {"default": {"BACKEND": "django.core.cache.backends.redis.RedisCache", "LOCATION": REDIS_URL}}
else:
    CACHES = {"default": {"BACKEND": "django.core.cache.backends.locmem.LocMemCache"}}
CELERY_BROKER_URL = REDIS_URL or "memory://"
CELERY_TASK_ALWAYS_EAGER = not REDIS_URL  # no broker: tasks run in the process that asks for them
CELERY_TASK_ACKS_LATE = True
CELERY_TASK_REJECT_ON_WORKER_LOST = True
CELERY_BROKER_CONNECTION_TIMEOUT = 2  # seconds; a silent broker must not hang a page
CELERY_TASK_IGNORE_RESULT = True
CELERY_BEAT_SCHEDULE = {
    "coldrec-graph": {"task": "coldrec.sync_graph", "schedule": 10.0, "options": {"expires": 10}},
}

NEO4J_URL = env.url("NEO4J_URL", default="")
NEO4J = NEO4J_URL.hostname and {
    "URI": f"{NEO4J_URL.scheme}://{NEO4J_URL.hostname}:{NEO4J_URL.port or 7687}",
    "USER": unquote(NEO4J_URL.username or ""),
    "PASSWORD": unquote(NEO4J_URL.password or ""),
    "DATABASE": NEO4J_URL.path.strip("/"),
}

# Applications -----------------------------------------------------------------------------------------------------

INSTALLED_APPS = [
    "unfold",  # before Django's admin, whose pages it gives another look
    "modeltranslation",
    *OSCAR_APPS,
    "rest_framework",
    "drf_spectacular",
    "shop_demo.apps.ShopDemoConfig",
    "coldrec",
    "coldrec.contrib.oscar",
]

COLDREC = {
    "SHOP": SHOP,
    "CATALOGUE": "coldrec.contrib.oscar.adapter.OscarCatalogue",
    "ARTIFACTS": str(SHOP_DIR / "coldrec"),
    "TASKS": "celery" if REDIS_URL else "inline",
    "NEO4J": NEO4J or None,
    "ENCODER": env("ENCODER", default=None),
    "ONTOLOGY": SHOPS[SHOP]["ontology"],
    # Rows of six fill the shop's page.
    "PLACEMENTS": {
        **{name: {"size": 6} for name in ("product_similar", "recently_viewed", "new_arrivals")},
        "trending": {"layout": "carousel"},
    },
    "PREVIEW_CSS": ["oscar/css/styles.css", "shop/shop.css"],
}
UNFOLD = {
    "SITE_TITLE": SHOPS[SHOP]["name"],
    "SITE_HEADER": SHOPS[SHOP]["name"],
    "SITE_SUBHEADER": SHOPS[SHOP]["tagline"],
    "SHOW_LANGUAGES": True,
    # The shop's green instead of a purple whose links are hard to read on dark.
    "COLORS": {
        "primary": {
            str(step): f"oklch({lightness}% {chroma} 168)"
            for step, lightness, chroma in (
                (50, 97.7, 0.014),
                (100, 94.6, 0.03),
                (200, 90.2, 0.05),
                (300, 82.7, 0.08),
                (400, 73, 0.1),
                (500, 65, 0.1),
                (600, 50, 0.09),
                (700, 44, 0.08),
                (800, 39, 0.07),
                (900, 33, 0.06),
                (950, 27, 0.05),
            )
        }
    },
}

MIDDLEWARE = [
    "django.middleware.security.SecurityMiddleware",
    "django.contrib.sessions.middleware.SessionMiddleware",
    "django.middleware.locale.LocaleMiddleware",
    "django.middleware.common.CommonMiddleware",
    "django.middleware.csrf.CsrfViewMiddleware",
    "django.contrib.auth.middleware.AuthenticationMiddleware",
    "django.contrib.messages.middleware.MessageMiddleware",
    "coldrec.middleware.VisitorMiddleware",
    "django.middleware.clickjacking.XFrameOptionsMiddleware",
    "django.contrib.flatpages.middleware.FlatpageFallbackMiddleware",
    "oscar.apps.basket.middleware.BasketMiddleware",
]
ROOT_URLCONF = "shop_demo.urls"
WSGI_APPLICATION = "shop_demo.wsgi.application"
TEMPLATES = [
    {
        "BACKEND": "django.template.backends.django.DjangoTemplates",
        "DIRS": [BASE_DIR / "templates"],
        "APP_DIRS": True,
        "OPTIONS": {
            "context_processors": [
                "django.template.context_processors.debug",
                "django.template.context_processors.request",
                "django.template.context_processors.i18n",
                "django.contrib.auth.context_processors.auth",
                "django.contrib.messages.context_processors.messages",
                "oscar.apps.search.context_processors.search_form",
                "oscar.apps.checkout.context_processors.checkout",
                "oscar.apps.communication.notifications.context_processors.notifications",
                "oscar.core.context_processors.metadata",
            ]
        },
    }
]
REST_FRAMEWORK = {"DEFAULT_SCHEMA_CLASS": "drf_spectacular.openapi.AutoSchema"}
SITE_ID = 1
AUTHENTICATION_BACKENDS = [
    "oscar.apps.customer.auth_backends.EmailBackend",
    "django.contrib.auth.backends.ModelBackend",
]

# The shop itself --------------------------------------------------------------------------------------------------

OSCAR_SHOP_NAME = SHOPS[SHOP]["name"]
OSCAR_SHOP_TAGLINE = SHOPS[SHOP]["tagline"]
OSCAR_DEFAULT_CURRENCY = SHOPS[SHOP]["currency"]
OSCAR_HOMEPAGE = reverse_lazy("home")
OSCAR_ALLOW_ANON_CHECKOUT = True
OSCAR_THUMBNAILER = "shop_demo.pictures.AsDrawn"
OSCAR_MISSING_IMAGE_URL = "image_not_found.jpg"
OSCAR_DELETE_IMAGE_FILES = False  # products of one look share a picture file
OSCAR_PRODUCTS_PER_PAGE = 24
OSCAR_FROM_EMAIL = "shop@example.com"
HAYSTACK_CONNECTIONS = {"default": {"ENGINE": "shop_demo.search.DatabaseEngine"}}
HAYSTACK_SIGNAL_PROCESSOR = "haystack.signals.BaseSignalProcessor"  # nothing to index: search reads the database
EMAIL_BACKEND = "django.core.mail.backends.filebased.EmailBackend"
EMAIL_FILE_PATH = str(SHOP_DIR / "mail")

# Languages, time, files -------------------------------------------------------------------------------------------

LANGUAGE_CODE = "en"
LANGUAGES = [("en", "English"), ("zh-hans", "简体中文")]
MIGRATION_MODULES = {"catalogue": "shop_demo.catalogue_migrations"}  # oscar's, and the columns of shop_demo.translation
LOCALE_PATHS = [BASE_DIR / "shop_demo" / "locale"]
USE_TZ = True
TIME_ZONE = "UTC"
STATIC_URL = "/static/"
STATICFILES_DIRS = [BASE_DIR / "static"]
STATIC_ROOT = SHOP_DIR / "static"
MEDIA_URL = "/media/"
MEDIA_ROOT = SHOP_DIR / "media"

LOGGING = {
    "version": 1,
    "disable_existing_loggers": False,
    "formatters": {"line": {"format": "{levelname} {name}: {message}", "style": "{"}},
    "handlers": {"console": {"class": "logging.StreamHandler", "formatter": "line"}},
    "root": {"handlers": ["console"], "level": "WARNING"},
    "loggers": {"django.server": {"handlers": ["console"], "level": "WARNING", "propagate": False}},
}
