"""What every page shares: its frame, store, address, charts and exports."""
