"""Disagreements of differential.py that are decided; docs/differences.md says more."""

# (operators, peers, pattern in "vVERSION REASON CASE", why). Peers: (...) or 'both'.
KNOWN = []
