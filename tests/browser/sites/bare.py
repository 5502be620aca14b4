"""A project with coldrec's tags on plain pages of its own, on the data of the demo shop.

Its pages have a strict content policy and may be kept by shared caches; its admin is Django's own.
"""

import json
import os
from pathlib import Path

SHOP_DIR = Path(os.environ["DEMO_DIR"]) / "own"
SECRET_KEY = os.environ["SECRET_KEY"]
DEBUG = False
ALLOWED_HOSTS = ["127.0.0.1"]
ROOT_URLCONF = "tests.browser.sites.bare_urls"
STATIC_URL = "/static/"
MEDIA_ROOT = SHOP_DIR / "media"
USE_TZ = True
TIME_ZONE = "UTC"
LANGUAGE_CODE = "en"
LANGUAGES = [("en", "English"), ("zh-hans", "简体中文")]
DEFAULT_AUTO_FIELD = "django.db.models.BigAutoField"
DATABASES = {
    "default": {
        "ENGINE": "django.db.backends.sqlite3",
        "NAME": SHOP_DIR / "db.sqlite3",
        "OPTIONS": {"transaction_mode": "IMMEDIATE", "timeout": 20},
    }
}
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
COLDREC = {
    "SHOP": "own",
    "ARTIFACTS": str(SHOP_DIR / "coldrec"),
    "TASKS": "inline",
    "PLACEMENTS": {"trending": {"layout": "carousel"}},
    # All visitors of the tests come from one address, which no rate should take for one visitor's haste.
    "THROTTLES": {"coldrec-events": "10000/min", "coldrec-lists": "10000/min"},
    **json.loads(os.environ.get("SITE_COLDREC", "{}")),
}
POLICY = ["tests.browser.sites.policy.ContentPolicy"] if os.environ.get("SITE_POLICY") != "none" else []
MIDDLEWARE = [
    *POLICY,
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
                "django.template.context_processors.i18n",
                "django.contrib.auth.context_processors.auth",
                "django.contrib.messages.context_processors.messages",
            ]
        },
    }
]
PASSWORD_HASHERS = ["django.contrib.auth.hashers.MD5PasswordHasher"]
REST_FRAMEWORK = {"DEFAULT_SCHEMA_CLASS": "drf_spectacular.openapi.AutoSchema"}
