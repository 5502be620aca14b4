from tests.api.conftest import _fresh_limits  # noqa: F401
from tests.served import bare_shop, settings_of_shop, shop, trained  # noqa: F401
