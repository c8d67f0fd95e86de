"""Scripts for Redis about partitions: streams of which each has one owner at a time; see `stream_scripts`.

What may live here: texts in Lua for Redis 6.2 and newer.
"""

__all__ = ("ACQUIRE", "LEAVE", "TAKE")

#: The id that a group was delivered last; nothing if the stream or the group does not exist.
_LAST_ID = """
local function last_id(stream, group)
  for _, fields in ipairs(redis.pcall('XINFO', 'GROUPS', stream)) do
    local info = {}
    for i = 1, #fields, 2 do info[fields[i]] = fields[i + 1] end
    if info['name'] == group then return info['last-delivered-id'] end
  end
end
"""

#: Take part in owning the partitions of a stream: renew what is ours, and take what is free up to a fair share.
#: What was pending on an earlier owner is ours from that moment on, so it can begin nothing more.
#: A group that is gone is made again, so that who lost one partition does not lose the others.
#: KEYS: members, fences, then stream and lease of each partition.
#: ARGV: group, consumer, milliseconds of a lease, '1' to take more.
#: Returns how many are a fair share, then for each partition our token or '', and the id that was delivered last.
ACQUIRE = (
    _LAST_ID
    + """
local time = redis.call('TIME')
local now, ttl = time[1] * 1000 + math.floor(time[2] / 1000), tonumber(ARGV[3])
redis.call('ZREMRANGEBYSCORE', KEYS[1], '-inf', now)
redis.call('ZADD', KEYS[1], now + ttl, ARGV[2])
redis.call('PEXPIRE', KEYS[1], ttl * 10)
local count, prefix, owned, tokens = #KEYS / 2 - 1, ARGV[2] .. '#', 0, {}
local share = math.ceil(count / redis.call('ZCARD', KEYS[1]))
for p = 1, count do
  local token = redis.call('GET', KEYS[p * 2 + 2]) or ''
  if string.sub(token, 1, #prefix) == prefix then
    redis.call('PEXPIRE', KEYS[p * 2 + 2], ttl)
    owned = owned + 1
    tokens[p] = token
  elseif token ~= '' then
    tokens[p] = ''
  end
end
local reply = {share}
for p = 1, count do
  local stream, lease = KEYS[p * 2 + 1], KEYS[p * 2 + 2]
  local last = last_id(stream, ARGV[1])
  if not last then
    redis.call('XGROUP', 'CREATE', stream, ARGV[1], '0', 'MKSTREAM')
    last = '0-0'
  end
  if not tokens[p] and ARGV[4] == '1' and owned < share then
    tokens[p] = prefix .. redis.call('HINCRBY', KEYS[2], p, 1)
    redis.call('SET', lease, tokens[p], 'PX', ttl)
    owned = owned + 1
    local first = '-'
    while true do
      local rows = redis.call('XPENDING', stream, ARGV[1], first, '+', 1000)
      for _, row in ipairs(rows) do
        redis.call('XCLAIM', stream, ARGV[1], ARGV[2], 0, row[1], 'JUSTID')
      end
      if #rows < 1000 then break end
      first = '(' .. rows[1000][1]
    end
  end
  reply[p * 2] = tokens[p] or ''
  reply[p * 2 + 1] = last
end
return reply
"""
)

#: Read new messages of a partition, if it is still ours.
#: KEYS: stream, lease. ARGV: group, consumer, token, count.
#: Returns 0 if it is not; else what XREADGROUP does, or if there is nothing new the id that was delivered last.
TAKE = (
    _LAST_ID
    + """
if redis.call('GET', KEYS[2]) ~= ARGV[3] then return 0 end
local taken = redis.call('XREADGROUP', 'GROUP', ARGV[1], ARGV[2], 'COUNT', ARGV[4], 'STREAMS', KEYS[1], '>')
return taken or last_id(KEYS[1], ARGV[1])
"""
)

#: Give partitions up. KEYS: members, then leases. ARGV: consumer ('': it stays a member), then our token for each.
LEAVE = """
if ARGV[1] ~= '' then redis.call('ZREM', KEYS[1], ARGV[1]) end
for i = 2, #KEYS do
  if redis.call('GET', KEYS[i]) == ARGV[i] then redis.call('DEL', KEYS[i]) end
end
return 1
"""
