"""Duplicates: copies and near copies, found and verified; evaluation text found in a corpus."""
