"""Reports: the HTML page, and the paper's tables, drawn from result rows and records."""
