"""How good the lists are: cold-start protocols, metrics and the splitter behind them (docs/evaluation.md)."""
