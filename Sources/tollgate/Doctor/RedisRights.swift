import TollgateCore
import TollgateLedger
import TollgateRedis
import TollgateStores

/// The rights of a Redis user for the commands and keys of a namespace.
///
/// The commands are queued in a MULTI block that is discarded: Redis checks rights when it queues a command, and also
/// whether it refuses writes. So nothing is run, and the user needs no right to ACL commands. Pure.
struct RedisRights: Equatable {
    /// The denied commands, such as `hset`, without those for functions.
    var commands: [String] = []
    /// Whether some keys or channels of the namespace are denied.
    var deniesKeys = false
    var deniesChannels = false
    /// Redis's sentence if it denies functions.
    var deniedFunctions: String?
    /// Why Redis refuses writes; nil if it accepts them.
    var refusal: String?
    /// Whether Redis has queued the commands. Otherwise nothing is known.
    var areKnown = false

    /// The rest of the block after MULTI. It may only be sent on the connection on which MULTI was answered with OK.
    static func block(_ keySpace: KeySpace) -> [[String]] { functions + others(keySpace) + [["DISCARD"]] }

    private static let functions = [["FCALL", "tollgate", "0"], ["FUNCTION", "LOAD", "-"]]

    private static func others(_ keySpace: KeySpace) -> [[String]] {
        let scope = Scope.global
        let (key, policy) = (keySpace.hash(of: scope), PolicyKeys(namespace: keySpace.namespace))
        let ofHashes = [
            ["HGET", key, "f"], ["HMGET", key, "f"], ["HGETALL", key], ["HEXISTS", key, "f"], ["HLEN", key],
            ["HVALS", key], ["HSET", key, "f", "1"], ["HSETNX", key, "f", "1"], ["HINCRBY", key, "f", "1"],
            ["HDEL", key, "f"],
        ]
        let ofKeys = [
            ["GET", key], ["SET", key, "1"], ["INCR", key], ["DEL", key], ["EXISTS", key], ["TYPE", key],
            ["EXPIRE", key, "1"], ["PEXPIRE", key, "1"], ["PEXPIREAT", key, "1"], ["PERSIST", key],
        ]
        let ofSets = [
            ["SADD", key, "m"], ["SMEMBERS", key], ["ZADD", key, "1", "m"], ["ZREM", key, "m"], ["ZCARD", key],
            ["ZSCORE", key, "m"], ["ZCOUNT", key, "0", "1"], ["ZRANGE", key, "0", "1"], ["ZREVRANGE", key, "0", "1"],
            ["ZRANGEBYSCORE", key, "0", "1"], ["ZRANGEBYLEX", key, "-", "+"], ["ZREMRANGEBYRANK", key, "0", "1"],
            ["ZREMRANGEBYSCORE", key, "0", "1"],
        ]
        let ofStreams = [
            ["XADD", key, "*", "f", "1"], ["XRANGE", key, "-", "+"], ["XREVRANGE", key, "+", "-"], ["XLEN", key],
            ["XDEL", key, "1"], ["XACK", key, "g", "1"], ["XCLAIM", key, "g", "c", "1", "1"], ["XINFO", "STREAM", key],
            ["XGROUP", "SETID", key, "g", "1"], ["XGROUP", "CREATE", key, "g", "1"],
            ["XREADGROUP", "GROUP", "g", "c", "COUNT", "1", "STREAMS", key, ">"],
        ]
        let others = [
            ["TIME"], ["PUBLISH", policy.changes, "-"], ["SUBSCRIBE", policy.changes],
            ["EVALSHA", String(repeating: "0", count: 40), "0"], ["SCRIPT", "LOAD", "-"],
            ["HSETNX", policy.marker, "f", "1"],
        ]
        return ofHashes + ofKeys + ofSets + ofStreams + others
    }

    /// Reads the replies to MULTI and to ``block(_:)``.
    init(_ replies: [RedisReply], _ keySpace: KeySpace) {
        let words = Self.block(keySpace)
        guard replies.count == words.count + 1, replies.first == .simple("OK") else { return }
        areKnown = true
        for (index, reply) in replies.dropFirst().dropLast().enumerated() {
            guard case .error(let sentence) = reply else { continue }
            if sentence.hasPrefix("NOPERM") {
                take(sentence, index < Self.functions.count, words[index])
            } else if let refusal = WriteRefusal(redisSaid: sentence) {
                self.refusal = refusal.sentence
            }
        }
    }

    private mutating func take(_ sentence: String, _ isFunction: Bool, _ words: [String]) {
        if isFunction {
            deniedFunctions = sentence
        } else if sentence.contains("run the") {
            commands.append(["SCRIPT", "XGROUP", "XINFO"].contains(words[0]) ? "\(words[0])|\(words[1])" : words[0])
        } else if sentence.contains("channel") {
            deniesChannels = true
        } else {
            deniesKeys = true
        }
    }
}
