/// The names of the commands that Redis has carried out since CONFIG RESETSTAT, and how often.
package func commandCounts(_ redis: TestRedis) throws -> [String: Int] {
    var counts: [String: Int] = [:]
    for line in try redis.cli("INFO", "commandstats").split(whereSeparator: \.isNewline) {
        guard line.hasPrefix("cmdstat_"), let calls = line.split(separator: "calls=").dropFirst().first else {
            continue
        }
        counts[String(line.dropFirst("cmdstat_".count).prefix { $0 != ":" })] = Int(calls.prefix { $0 != "," })
    }
    return counts
}
