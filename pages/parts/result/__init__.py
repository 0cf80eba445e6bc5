"""What pages show of a solved scenario."""
