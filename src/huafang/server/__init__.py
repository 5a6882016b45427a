"""The HTTP side: routes, events, the guard at the door. It opens no torch, decodes no picture in its own process, and takes no paths and no addresses."""
