"""The part of CloudWatch that fetches what our own services measure; the rest of it is bridged."""
