"""Everything coldrec serves; include it where the shop likes, for example under ``coldrec/``."""

app_name = "coldrec"
urlpatterns: list = []
