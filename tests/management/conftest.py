from tests.served import bare_shop, settings_of_shop, trained  # noqa: F401
