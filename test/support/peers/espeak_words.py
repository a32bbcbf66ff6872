# Speaks texts with espeak-ng's library, which tells when each word begins: its program does not.
# Reads a JSON list of {text, voice, wordsPerMinute} from stdin. Writes a list of {rateHz, pcm: base64, words: [[position in the text, ms]]}.
import base64
import ctypes
import json
import sys

SYNCHRONOUS = 2
WORDS_PER_MINUTE = 1
CHARACTERS = 1
UTF8 = 1
WORD = 1


class Event(ctypes.Structure):
    _fields_ = [
        ("type", ctypes.c_int),
        ("unique_identifier", ctypes.c_uint),
        ("text_position", ctypes.c_int),
        ("length", ctypes.c_int),
        ("audio_position", ctypes.c_int),
        ("sample", ctypes.c_int),
        ("user_data", ctypes.c_void_p),
        ("id", ctypes.c_char * 8),
    ]


espeak = ctypes.CDLL("libespeak-ng.so.1")
rate_hz = espeak.espeak_Initialize(SYNCHRONOUS, 0, None, 0)
pcm = bytearray()
words = []


@ctypes.CFUNCTYPE(ctypes.c_int, ctypes.POINTER(ctypes.c_short), ctypes.c_int, ctypes.POINTER(Event))
def take(samples, count, events):
    if samples and count > 0:
        pcm.extend(ctypes.string_at(samples, 2 * count))
    at = 0
    while events[at].type:
        if events[at].type == WORD:
            # Positions are counted from 1.
            words.append([events[at].text_position - 1, events[at].sample * 1000 / rate_hz])
        at += 1
    return 0


espeak.espeak_SetSynthCallback(take)
spoken = []
for asked in json.load(sys.stdin):
    pcm.clear()
    words.clear()
    if espeak.espeak_SetVoiceByName(asked["voice"].encode()) != 0:
        raise ValueError(f"espeak-ng has no voice {asked['voice']}")
    espeak.espeak_SetParameter(WORDS_PER_MINUTE, asked["wordsPerMinute"], 0)
    text = asked["text"].encode() + b"\0"
    espeak.espeak_Synth(text, len(text), 0, CHARACTERS, 0, UTF8, None, None)
    spoken.append({"rateHz": rate_hz, "pcm": base64.b64encode(pcm).decode(), "words": words[:]})
json.dump(spoken, sys.stdout)
