import NIOCore
import Testing
import TollgateRedis
import TollgateTestSupport

@testable import TollgateLedger
@testable import TollgateStores

/// Tests of the run marker, by which sidecars notice that Redis has lost data.
@Suite struct RunMarkerTests {
    private let redis: TestRedis

    init() throws { redis = try TestRedis() }

    private static let keys = ["tollgate:{policy}:marker", "tollgate:{policy}:revision", "tollgate:{policy}:scratch"]

    /// One check by a sidecar, with the revision it found.
    @discardableResult
    private func look(_ marker: inout RunMarker, revision: Int64 = 0) throws -> (
        finding: RunMarker.Finding, revision: Int64
    ) {
        let arguments = [
            "\(marker.generation)", marker.id, "\(marker.count)", "\(revision)", "id\(UInt32.random(in: 0...(.max)))",
            KeySpace(namespace: "tollgate").layoutText, "0",
        ]
        let words = try redis.cli(["EVAL", RunMarker.function.script, "3"] + Self.keys + arguments)
            .split(separator: "\n").map(String.init)
        try #require(words.count == 6, "\(words)")
        func number(_ index: Int) throws -> RedisReply { .integer(try #require(Int64(words[index]))) }
        let reply = RedisReply.array([
            .bulk(ByteBuffer(string: words[0])), try number(1), .bulk(ByteBuffer(string: words[2])), try number(3),
            try number(4), try number(5),
        ])
        let found = marker.take(reply)
        let (finding, revision, _) = try #require(found)
        return (finding, revision)
    }

    /// Returns a closure that restores the marker as it is now.
    private func saved() throws -> () throws -> Void {
        let fields = try redis.cli("HGETALL", Self.keys[0]).split(separator: "\n", omittingEmptySubsequences: false)
        return { [redis] in try redis.cli(["HSET", Self.keys[0]] + fields.map(String.init)) }
    }

    @Test("checks by several sidecars find no loss, also across a restart with the data")
    func seen() throws {
        var (one, other) = (RunMarker(), RunMarker())
        #expect(try look(&one).finding == .new)
        #expect(try look(&other).finding == .seen)
        for _ in 0..<3 {
            #expect(try look(&one).finding == .seen)
            #expect(try look(&other).finding == .seen)
        }
        #expect(one.id == other.id)
        #expect(try look(&one).revision == 0)
    }

    @Test("lost data are reported to each sidecar once")
    func gone() throws {
        var (one, other) = (RunMarker(), RunMarker())
        try look(&one)
        try look(&other)
        try redis.cli("FLUSHALL")
        #expect(try look(&other).finding == .gone)
        #expect(try look(&one).finding == .noticed)
        #expect(try look(&one).finding == .seen)
        #expect(try look(&other).finding == .seen)
    }

    @Test("older data are reported as a loss to each sidecar once, even if others have checked often since")
    func older() throws {
        var (one, other) = (RunMarker(), RunMarker())
        try look(&one)
        try look(&other)
        let restore = try saved()
        for _ in 0..<3 { try look(&one) }
        let before = other
        try look(&other)
        try restore()
        #expect(try look(&one).finding == .older)
        for _ in 0..<10 { #expect(try look(&one).finding == .seen) }
        #expect(try look(&other).finding == .noticed)
        // A sidecar that has not checked since the data were saved has lost nothing known to it, but the loss is reported.
        var late = before
        #expect(try look(&late).finding == .noticed)
        // The same data again: their generation has ended.
        try restore()
        #expect(try look(&other).finding == .older)
        #expect(try look(&one).finding == .noticed)
    }

    @Test("a sidecar that starts after a loss does not hide it from the others")
    func newcomer() throws {
        var (one, newcomer) = (RunMarker(), RunMarker())
        for _ in 0..<3 { try look(&one) }
        try redis.cli("FLUSHALL")
        for _ in 0..<10 { try look(&newcomer) }
        #expect(try look(&one).finding == .older)
        #expect(try look(&newcomer).finding == .noticed)
    }

    @Test("a revision lower than a seen one is a loss, and the next one is higher than any before")
    func revision() throws {
        var marker = RunMarker()
        try redis.cli("SET", Self.keys[1], "7")
        #expect(try look(&marker).revision == 7)
        #expect(try look(&marker, revision: 7).finding == .seen)
        try redis.cli("SET", Self.keys[1], "6")
        let (finding, revision) = try look(&marker, revision: 7)
        #expect(finding == .older)
        #expect(revision > 1_000_000_000_000)
        #expect(try redis.cli("GET", Self.keys[1]) == "\(revision)")
        #expect(try look(&marker, revision: revision).finding == .seen)
        try redis.cli("SET", Self.keys[1], "no number")
        #expect(try look(&marker, revision: revision).finding == .seen)
    }

    @Test("after a loss that no sidecar has seen, versions are higher than any before")
    func forgotten() throws {
        var marker = RunMarker()
        try look(&marker)
        try redis.cli("SET", Self.keys[1], "7")
        var same = RunMarker()
        #expect(try look(&same).revision == 7)
        try redis.cli("HSET", Self.keys[0], "run", "another")
        var next = RunMarker()
        let (finding, revision) = try look(&next)
        #expect(finding == .seen)
        #expect(revision > 1_000_000_000_000)
        #expect(try look(&marker, revision: 7).finding == .seen)
    }

    @Test("of two concurrent checks only one counts a loss")
    func twoLooks() throws {
        var marker = RunMarker()
        try look(&marker)
        try redis.cli("FLUSHALL")
        let before = marker
        #expect(try look(&marker).finding == .gone)
        let reply = RedisReply.array([
            .bulk(ByteBuffer(string: "noticed")), .integer(marker.generation), .bulk(ByteBuffer(string: marker.id)),
            .integer(marker.count + 1), .integer(0), .integer(1),
        ])
        #expect(before.generation < marker.generation)
        let found = marker.take(reply)
        #expect(found?.finding == .seen)
    }

    @Test("each error by which Redis refuses writes is recognized, also within a script")
    func refusals() {
        let inScript = " script: 6f689fa8ee8e699ee97f4e8c2bc689fd18ccb43c, on @user_script:1."
        for (sentence, code, text) in [
            ("OOM command not allowed when used memory > 'maxmemory'.", "OOM", nil),
            ("NOREPLICAS Not enough good replicas to write.", "NOREPLICAS", nil),
            (
                "ERR The user executing the script can't run this command or subcommand", "NOPERM",
                "NOPERM The user executing the script can't run this command or subcommand"
            ),
            ("NOPERM this user has no permissions to run the 'hset' command", "NOPERM", nil),
        ] as [(String, String, String?)] {
            for end in ["", inScript] {
                let refusal = WriteRefusal(redisSaid: sentence + end)
                #expect(refusal?.code == code)
                #expect(refusal?.sentence == text ?? sentence)
            }
        }
        #expect(WriteRefusal(redisSaid: "WRONGTYPE Operation against a key" + inScript) == nil)
        #expect(WriteRefusal(redisSaid: "ERR user_script:3: attempt to call nil") == nil)
    }
}
