-- Take a subject out of traffic, once for the whole fleet.
-- KEYS[1] hash watchkeeper:key-states      ARGV 1 subject  2 state  3 stated end in ms (-1 = none: back off)
-- 4 base ms  5 cap ms  6 jitter 0..1  7 cause  8 advice
-- Returns {1, json} when it was set, {0, json} when a failure reported meanwhile already set it aside.
local time = redis.call('TIME')
local now = tonumber(time[1]) * 1000 + math.floor(tonumber(time[2]) / 1000)
local strikes = 1
local stored = redis.call('HGET', KEYS[1], ARGV[1])
if stored then
  local before = cjson.decode(stored)
  if before.state == 'disabled' or (before.state == ARGV[2] and before.until_ms > now) then
    return {0, stored}
  end
  if before.state == ARGV[2] then
    strikes = before.strikes + 1
  elseif before.state == 'held' then
    strikes = before.strikes
  end
end
local until_ms = tonumber(ARGV[3])
if until_ms < 0 then
  local span = math.min(tonumber(ARGV[4]) * 2 ^ (strikes - 1), tonumber(ARGV[5]))
  until_ms = now + math.floor(span * (1 + 0.2 * tonumber(ARGV[6])))
end
local json = cjson.encode({
  state = ARGV[2], until_ms = until_ms, since_ms = now, strikes = strikes, cause = ARGV[7], advice = ARGV[8]
})
redis.call('HSET', KEYS[1], ARGV[1], json)
return {1, json}
