"""Files that nobody vouches for: read in processes of their own, written whole or not at all."""
