import NIOCore
import Testing

@testable import TollgateRedis

@Suite("Reading replies")
struct RedisReplyReaderTests {
    static let stream =
        "+OK\r\n-ERR no\r\n:-7\r\n$5\r\na\r\nb\0\r\n$0\r\n\r\n$-1\r\n*-1\r\n*0\r\n"
        + "*3\r\n:1\r\n*2\r\n$1\r\nx\r\n$-1\r\n+y\r\n:2\r\n"
    static let replies: [RedisReply] = [
        .simple("OK"), .error("ERR no"), .integer(-7), .bulk(ByteBuffer(string: "a\r\nb\0")), .bulk(ByteBuffer()),
        .null, .null, .array([]),
        .array([.integer(1), .array([.bulk(ByteBuffer(string: "x")), .null]), .simple("y")]), .integer(2),
    ]

    /// Feeds the text in pieces of so many bytes.
    private func read(_ text: String, by size: Int, with reader: RedisReplyReader) throws -> [RedisReply] {
        var bytes = ByteBuffer(string: text)
        var replies: [RedisReply] = []
        while let piece = bytes.readSlice(length: min(size, bytes.readableBytes)), piece.readableBytes > 0 {
            try reader.feed(piece)
            while let reply = try reader.next() { replies.append(reply) }
        }
        return replies
    }

    @Test("the same bytes give the same replies however they are cut", arguments: 1...stream.utf8.count)
    func cuts(size: Int) throws {
        #expect(try read(Self.stream, by: size, with: RedisReplyReader()) == Self.replies)
    }

    @Test("a reader goes on for stream after stream")
    func manyStreams() throws {
        let reader = try RedisReplyReader()
        for size in [1, 7, 1_000] {
            let text = String(repeating: Self.stream, count: 200)
            let expected = Array(repeating: Self.replies, count: 200).flatMap(\.self)
            #expect(try read(text, by: size, with: reader) == expected)
        }
    }

    @Test("no reply before its last byte")
    func incomplete() throws {
        for text in [":12", ":12\r", "$3\r\nabc", "$3\r\nabc\r", "*2\r\n:1\r\n", "*1\r\n*1\r\n"] {
            #expect(try read(text, by: 100, with: RedisReplyReader()).isEmpty, "\(text.debugDescription)")
        }
    }

    @Test("integers keep all of their 64 bits")
    func integers() throws {
        let text = ":9223372036854775807\r\n:-9223372036854775808\r\n"
        #expect(try read(text, by: 100, with: RedisReplyReader()) == [.integer(.max), .integer(.min)])
    }

    @Test("a large array and a large string come whole")
    func large() throws {
        let count = 50_000
        let array = "*\(count)\r\n" + (0..<count).map { ":\($0)\r\n" }.joined()
        #expect(
            try read(array, by: 65_536, with: RedisReplyReader()) == [.array((0..<count).map { .integer(Int64($0)) })])
        let string = String(repeating: "0123456789", count: 300_000)
        let bulk = "$\(string.utf8.count)\r\n\(string)\r\n"
        #expect(try read(bulk, by: 65_536, with: RedisReplyReader()) == [.bulk(ByteBuffer(string: string))])
    }

    @Test(
        "what is not RESP throws, and the reader gives nothing more",
        arguments: [
            "HTTP/1.1 400 Bad Request\r\n", "\r\n", "*x\r\n", "$-5\r\n", "*1\r\n?\r\n",
            String(repeating: "*1\r\n", count: 12),
        ])
    func broken(text: String) throws {
        let reader = try RedisReplyReader()
        #expect(throws: RedisError.self) { try read(text, by: 100, with: reader) }
        #expect(throws: RedisError.self) { try read("+OK\r\n", by: 100, with: reader) }
        #expect(throws: RedisError.self) { try reader.next() }
    }

    @Test("replies before a broken one are given")
    func brokenLater() throws {
        let reader = try RedisReplyReader()
        try reader.feed(ByteBuffer(string: "+OK\r\n!\r\n"))
        #expect(try reader.next() == .simple("OK"))
        #expect(throws: RedisError.self) { try reader.next() }
    }

    @Test("a reply larger than may be throws before it is all in memory")
    func tooLarge() throws {
        let reader = try RedisReplyReader()
        let piece = ByteBuffer(repeating: 0x61, count: 1 << 20)
        try reader.feed(ByteBuffer(string: "$1000000000\r\n"))
        var pieces = 0
        #expect(throws: RedisError.protocolBroken("a reply of more than 64 MiB")) {
            while pieces < 100 {
                try reader.feed(piece)
                #expect(try reader.next() == nil)
                pieces += 1
            }
        }
        #expect(pieces == 63)
    }

    @Test("replies that add up to more than one may take are fine")
    func manyLarge() throws {
        let reader = try RedisReplyReader()
        let piece = ByteBuffer(string: "$1048576\r\n" + String(repeating: "a", count: 1 << 20) + "\r\n")
        for _ in 0..<70 {
            try reader.feed(piece)
            #expect(try reader.next() != nil)
        }
    }
}
