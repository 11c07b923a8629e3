"""llama.cpp, the real thing, with a model so small that it answers in a millisecond."""
