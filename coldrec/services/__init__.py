"""Use-cases: read rows, call the core, write rows. Transactions start here."""
