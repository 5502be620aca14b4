from tests.served import bare_shop, settings_of_shop, shop, trained  # noqa: F401
