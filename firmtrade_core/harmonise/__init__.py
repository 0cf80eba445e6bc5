"""Raw records to clean tables: reading, linkage, gaps, errors, mirror checks, quality report."""
