"""Running claims: seeds, one queue for all cells, records, and what is printed of them."""
