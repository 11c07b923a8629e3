"""Proxies, certificates, unix sockets: the way to a server, on both faces, through real proxies."""
