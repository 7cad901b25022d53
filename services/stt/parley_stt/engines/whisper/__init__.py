"""faster-whisper for many callers at once.

weights   finds or downloads the model          hardware  chooses device, threads and batch
pieces    cuts audio into windows of 30 s       steps     which inference runs next; pure
device    runs steps, several callers' at once  lane      what one piece sees of the model
"""
