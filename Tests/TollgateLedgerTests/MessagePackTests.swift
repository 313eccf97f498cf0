import NIOCore
import Testing
import TollgateTestSupport

@testable import TollgateLedger

@Suite struct MessagePackTests {
    static let edges: [Int64] = [
        0, 1, 127, 128, 255, 256, 65_535, 65_536, 4_294_967_295, 4_294_967_296, 9_007_199_254_740_993, .max, -1, -32,
        -33, .min,
    ]

    @Test("integers are read as they were written", arguments: edges)
    func integers(_ value: Int64) {
        var buffer = ByteBuffer()
        buffer.writeMessagePack(value)
        #expect(buffer.readMessagePackInteger() == value)
        #expect(buffer.readableBytes == 0)
    }

    /// The forms of the specification, written by hand.
    @Test(
        "every form of a number is read",
        arguments: [
            ([0x7f], 127), ([0xe0], -32), ([0xcc, 0xff], 255), ([0xcd, 0x01, 0x00], 256), ([0xd0, 0x80], -128),
            ([0xd1, 0x80, 0x00], -32_768), ([0xd2, 0x80, 0, 0, 0], -2_147_483_648), ([0xca, 0x3f, 0x80, 0, 0], 1),
            ([0xcb, 0x43, 0x50, 0, 0, 0, 0, 0, 0], 18_014_398_509_481_984),
            ([0xcf, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff], .max),
        ] as [([UInt8], Int64)])
    func forms(_ bytes: [UInt8], _ value: Int64) {
        var buffer = ByteBuffer(bytes: bytes)
        #expect(buffer.readMessagePackInteger() == value)
    }

    @Test(
        "truncated items and items of another type are nil",
        arguments: [[], [0xcd, 0x01], [0xa1, 0x61], [0xc0], [0xcb, 0x7f, 0xf8, 0, 0, 0, 0, 0, 0]] as [[UInt8]])
    func broken(_ bytes: [UInt8]) {
        var buffer = ByteBuffer(bytes: bytes)
        #expect(buffer.readMessagePackInteger() == nil)
    }

    @Test("Redis reads numbers, strings and arrays as intended")
    func asRedisReads() throws {
        let redis = try TestRedis()
        var buffer = ByteBuffer()
        buffer.writeMessagePack(arrayOf: 20)
        for value in Self.edges where abs(Double(value)) < 9e15 { buffer.writeMessagePack(value) }
        for length in [0, 31, 32, 255, 256, 300] {
            buffer.writeMessagePack(Array(repeating: UInt8(ascii: "x"), count: length))
        }
        buffer.writeMessagePack(7)
        let hex = buffer.readableBytesView.map { String($0 >> 4, radix: 16) + String($0 & 15, radix: 16) }.joined()
        let script = """
            local text = string.gsub(ARGV[1], '..', function(digits) return string.char(tonumber(digits, 16)) end)
            local list, out = cmsgpack.unpack(text), {}
            for i = 1, #list do out[i] = type(list[i]) == 'string' and '#' .. #list[i] or string.format('%.0f', list[i]) end
            return table.concat(out, ' ')
            """
        let numbers = Self.edges.filter { abs(Double($0)) < 9e15 }.map(String.init)
        let expected = (numbers + ["#0", "#31", "#32", "#255", "#256", "#300", "7"]).joined(separator: " ")
        try #require(numbers.count == 13)
        #expect(try redis.cli("EVAL", script, "0", hex) == expected)
    }
}
