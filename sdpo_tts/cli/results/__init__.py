"""Commands on runs that exist: report, show, export, forget."""
