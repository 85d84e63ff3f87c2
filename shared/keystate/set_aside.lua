-- Take a subject out of traffic, once for the whole fleet.
-- KEYS[1] hash watchkeeper:key-states   KEYS[2] hash watchkeeper:failures:<subject> (TTL = window)
-- ARGV 1 subject  2 state  3 stated end in ms (-1 = none: back off)  4 base ms  5 cap ms  6 jitter 0..1  7 cause
-- 8 advice  9 failures it takes  10 window ms  11 successes seen by the caller since it last reported
-- Returns {1, json} when it was set; {0, json} when a failure reported meanwhile already set it aside, as long or
-- longer (requests in flight end in different ways: a short rate limit must not bring a revoked key back);
-- {0, ''} when the breaker goes on counting.
local time = redis.call('TIME')
local now = tonumber(time[1]) * 1000 + math.floor(tonumber(time[2]) / 1000)
local state = ARGV[2]
local base = tonumber(ARGV[4])
local strikes = 1
local kept_until = 0
local due = false
local stored = redis.call('HGET', KEYS[1], ARGV[1])
local readable, before = pcall(cjson.decode, stored or '')
-- What nobody can read sets nobody aside (`read_fleet` passes over it): it is overwritten.
if readable and type(before) == 'table' and type(before.until_ms) == 'number' and type(before.strikes) == 'number' then
  kept_until = before.until_ms < 0 and math.huge or before.until_ms
  if before.state == 'disabled' or (before.state == state and kept_until > now) then
    return {0, stored}
  end
  due = kept_until <= now
  if state == 'held' and due and before.cause == ARGV[7] then
    -- The same undecidable answer to the probe: that decides it.
    state = 'quarantined'
    base = base * 5
    strikes = before.state == 'quarantined' and before.strikes + 1 or 1
  elseif before.state == state then
    strikes = before.strikes + 1
  end
end
if tonumber(ARGV[9]) > 1 and not due then
  -- A breaker: enough failures, and at least half of what was seen. A canary that failed needs no count.
  local failed = redis.call('HINCRBY', KEYS[2], 'failed', 1)
  local served = redis.call('HINCRBY', KEYS[2], 'served', tonumber(ARGV[11]))
  if failed == 1 then
    redis.call('PEXPIRE', KEYS[2], tonumber(ARGV[10]))
  end
  if failed < tonumber(ARGV[9]) or failed < served then
    return {0, ''}
  end
end
local until_ms = tonumber(ARGV[3])
if until_ms < 0 then
  local span = math.min(base * 2 ^ (strikes - 1), tonumber(ARGV[5]))
  until_ms = now + math.floor(span * (1 + 0.2 * tonumber(ARGV[6])))
end
if kept_until > now and kept_until >= until_ms then
  return {0, stored}
end
redis.call('DEL', KEYS[2])
local json = cjson.encode({
  state = state, until_ms = until_ms, since_ms = now, strikes = strikes, cause = ARGV[7], advice = ARGV[8]
})
redis.call('HSET', KEYS[1], ARGV[1], json)
return {1, json}
