"""Mixture: from shares to tokens, epochs and repeats, and the order in which blocks are drawn."""
