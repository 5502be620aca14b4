"""Oscar's own catalogue migrations, read from oscar's folder, and after them the columns of the translations."""

from oscar.apps.catalogue import migrations as oscars

__path__ = [*__path__, *oscars.__path__]
