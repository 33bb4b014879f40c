"""Kafka between receiving and pairing: the receiver's frames go in, handlers take them out."""
