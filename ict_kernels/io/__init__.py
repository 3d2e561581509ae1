"""Files in and out: sources of candles, datasets of events."""
