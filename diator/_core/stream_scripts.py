"""Scripts for Redis, each of which looks and acts in one step.

What may live here: texts in Lua for Redis 6.2 and newer. They are sent in full with EVAL: then there is nothing to load
again after a restart or a failover, and the server compiles each only once.
"""

__all__ = (
    "ACK",
    "BEGIN",
    "BURY",
    "EXTEND",
    "FORGET",
    "LOCK",
    "MAKE_GROUP",
    "RELEASE",
    "RETRY",
    "SEND_AGAIN",
    "SETTLE_NUMBER",
)

#: Whether a message is still pending on its consumer. KEYS[1] is the stream, ARGV[1] the group, ARGV[2] the consumer.
#: When the group is gone, nothing is; who waits for new messages makes it again.
_MINE = """
local function mine(id)
  local rows = redis.pcall('XPENDING', KEYS[1], ARGV[1], id, id, 1)
  if rows.err and not string.find(rows.err, 'NOGROUP') then error(rows.err) end
  return rows[1] and rows[1][2] == ARGV[2]
end
"""

#: Remove what the command before this one has added to a stream. Both are one transaction, so nobody has seen it. (A
#: script cannot add an entry itself: Lua passes on no more than 8,000 arguments, and entries may have more fields.)
_TAKE_BACK = """
local function take_back(stream)
  local info = redis.call('XINFO', 'STREAM', stream)
  for i = 1, #info, 2 do
    if info[i] == 'last-generated-id' then redis.call('XDEL', stream, info[i + 1]) end
  end
end
"""

#: Make a group that gets all there is. KEYS: stream, a key that does not exist. ARGV: group.
#: When memory is full a script may write only after a write that frees memory; and it must, to have messages handled.
MAKE_GROUP = """
redis.call('DEL', KEYS[2])
local made = redis.pcall('XGROUP', 'CREATE', KEYS[1], ARGV[1], '0', 'MKSTREAM')
if made.err and not string.find(made.err, 'BUSYGROUP') then return made end
return 1
"""

#: Take a lock that ends by itself, also when memory is full. KEYS: lock. ARGV: owner, milliseconds.
LOCK = """
if redis.call('EXISTS', KEYS[1]) == 1 then return 0 end
redis.call('DEL', KEYS[1])
redis.call('SET', KEYS[1], ARGV[1], 'PX', ARGV[2])
return 1
"""

#: Settle on a number, unless that has been done, also when memory is full. KEYS: where it is kept. ARGV: number.
SETTLE_NUMBER = """
local number = redis.call('GET', KEYS[1])
if number then return number end
redis.call('DEL', KEYS[1])
redis.call('SET', KEYS[1], ARGV[1])
return ARGV[1]
"""

#: Acknowledge what is ours. KEYS: stream, notes. ARGV: group, consumer, id ...
ACK = (
    _MINE
    + """
for i = 3, #ARGV do
  if mine(ARGV[i]) then
    redis.call('XACK', KEYS[1], ARGV[1], ARGV[i])
    redis.call('HDEL', KEYS[2], ARGV[i])
  end
end
return 1
"""
)

#: Count a delivery, and remember what is done. KEYS: stream, notes. ARGV: group, consumer, id, count, done ('': none).
BEGIN = (
    _MINE
    + """
if not mine(ARGV[3]) then return 0 end
redis.call('XCLAIM', KEYS[1], ARGV[1], ARGV[2], 0, ARGV[3], 'RETRYCOUNT', ARGV[4], 'JUSTID')
if ARGV[5] ~= '' then redis.call('HSET', KEYS[2], ARGV[3], '0:' .. ARGV[5]) end
return 1
"""
)

#: Keep what is ours, without counting a delivery. KEYS: stream. ARGV: group, consumer, id ... Returns 1 or 0 for each.
EXTEND = (
    _MINE
    + """
local kept = {}
for i = 3, #ARGV do
  local is_mine = mine(ARGV[i])
  if is_mine then redis.call('XCLAIM', KEYS[1], ARGV[1], ARGV[2], 0, ARGV[i], 'JUSTID') end
  kept[i - 2] = is_mine and 1 or 0
end
return kept
"""
)

#: Let a message be claimed after some time, and remember what is done.
#: KEYS: stream, notes. ARGV: group, consumer, id, visibility and delay in milliseconds, done.
RETRY = (
    _MINE
    + """
if not mine(ARGV[3]) then return 0 end
local visibility, delay = tonumber(ARGV[4]), tonumber(ARGV[5])
local idle = math.max(0, visibility - delay)
redis.call('XCLAIM', KEYS[1], ARGV[1], ARGV[2], 0, ARGV[3], 'IDLE', idle, 'JUSTID')
if delay > 0 or ARGV[6] ~= '[]' then
  local time = redis.call('TIME')
  local due = time[1] * 1000 + math.floor(time[2] / 1000) + delay
  redis.call('HSET', KEYS[2], ARGV[3], string.format('%.0f:', due) .. ARGV[6])
end
return 1
"""
)

#: Acknowledge a message that the command before this one has added to the dead letters. If it is not ours, undo that.
#: KEYS: stream, notes, dead letters. ARGV: group, consumer, id.
BURY = (
    _MINE
    + _TAKE_BACK
    + """
if not mine(ARGV[3]) then
  take_back(KEYS[3])
  return 0
end
redis.call('XACK', KEYS[1], ARGV[1], ARGV[3])
redis.call('HDEL', KEYS[2], ARGV[3])
return 1
"""
)

#: Remove a dead letter that the command before this one has added to the stream again; if it was gone, take that back.
#: KEYS: dead letters, stream. ARGV: id of the dead letter.
SEND_AGAIN = (
    _TAKE_BACK
    + """
if redis.call('XDEL', KEYS[1], ARGV[1]) == 1 then return 1 end
take_back(KEYS[2])
return 0
"""
)

#: Let messages be claimed at once. KEYS: stream. ARGV: group, consumer, visibility in milliseconds, id, count ...
RELEASE = (
    _MINE
    + """
for i = 4, #ARGV, 2 do
  if mine(ARGV[i]) then
    redis.call('XCLAIM', KEYS[1], ARGV[1], ARGV[2], 0, ARGV[i],
      'IDLE', ARGV[3], 'RETRYCOUNT', ARGV[i + 1], 'JUSTID')
  end
end
return 1
"""
)

#: Delete a consumer that has nothing: what is pending on one is lost with it. KEYS: stream. ARGV: group, consumer.
FORGET = """
if #redis.call('XPENDING', KEYS[1], ARGV[1], '-', '+', 1, ARGV[2]) > 0 then return 0 end
redis.call('XGROUP', 'DELCONSUMER', KEYS[1], ARGV[1], ARGV[2])
return 1
"""
