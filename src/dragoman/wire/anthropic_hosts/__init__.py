"""
Anthropic's Messages dialect as clouds host it: the wires `bedrock-anthropic` and `vertex-anthropic`.

`hosted` says what a host changes: the model and whether a stream is asked stand in the path, and the body has the
host's version of the API in their place.  Everything else is the wire `anthropic-messages`, whose native state they
share.  `bedrock` adds AWS's errors and event streams; `vertex` needs nothing more.
"""
