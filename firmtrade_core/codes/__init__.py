"""Countries, places, products, sectors, currencies and units of quantity, however they are written."""
