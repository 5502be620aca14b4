"""HTML that coldrec itself answers with: lists that load late, and pages about what a visitor is shown."""
