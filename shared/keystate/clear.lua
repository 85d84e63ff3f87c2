-- Forget standings that a canary has proven wrong, each only if it is still the one that was tried.
-- KEYS[1] hash watchkeeper:key-states   then for each subject: watchkeeper:canary:<subject>, watchkeeper:failures:<subject>
-- ARGV 1 holder of the leases   then for each subject: the subject, since_ms of the standing that was tried
-- Returns the subjects that were cleared. One that was set aside anew meanwhile keeps its standing.
local cleared = {}
for place = 2, #ARGV, 2 do
  local readable, standing = pcall(cjson.decode, redis.call('HGET', KEYS[1], ARGV[place]) or '')
  if readable and type(standing) == 'table' and standing.since_ms == tonumber(ARGV[place + 1]) then
    redis.call('HDEL', KEYS[1], ARGV[place])
    redis.call('DEL', KEYS[place + 1])
    cleared[#cleared + 1] = ARGV[place]
  end
  if redis.call('GET', KEYS[place]) == ARGV[1] then
    redis.call('DEL', KEYS[place])
  end
end
return cleared
