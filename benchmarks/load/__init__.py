"""The traffic: what a fleet sends, who sends it, and bare receivers to compare with."""
