"""Oscar shops: the catalogue adapter and the receivers of oscar's own signals."""
