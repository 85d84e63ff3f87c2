-- Take the leases of all subjects, or none of them.
-- KEYS watchkeeper:canary:<subject>, one each   ARGV 1 holder (one try, never used again)  2 ms the leases last
-- Returns 1 when the holder may try, 0 when somebody is trying one of them.
for _, key in ipairs(KEYS) do
  if redis.call('EXISTS', key) == 1 then
    return 0
  end
end
for _, key in ipairs(KEYS) do
  redis.call('SET', key, ARGV[1], 'PX', ARGV[2])
end
return 1
