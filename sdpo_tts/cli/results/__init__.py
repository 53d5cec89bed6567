"""Commands on runs that exist: report, show, drift, export."""
