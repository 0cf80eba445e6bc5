"""What leaves the house: exports, tables, briefing, pack, pipeline, where a number comes from."""
