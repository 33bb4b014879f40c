"""Rules of operators: when something happens, and something holds, then do something. Pure."""
