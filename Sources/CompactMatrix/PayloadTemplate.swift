/// What a firmware measures, field by field, so that a reading is the bits of its values and nothing else.
///
/// Both ends have it from the firmware's profile. A reading is one unsigned integer a field, `bits` wide, in the order of the
/// fields, the highest bit first, filled up with zero bits to whole bytes; `value = integer * scale + offset`. What does not
/// fit travels as a `Reading` that describes itself.
public struct PayloadTemplate: Equatable, Sendable {
    public struct Field: Equatable, Sendable {
        /// SenML name and unit (RFC 8428 sections 4 and 12.1); the unit is empty for a number without one.
        public var name: String
        public var unit: String
        /// 1...53: integers that Matrix allows.
        public var bits: Int
        /// One step.
        public var scale: DecimalNumber
        /// The value of the integer 0.
        public var offset: DecimalNumber
        /// Whether all bits set say that there is no value.
        public var canBeMissing: Bool

        public init(
            name: String, unit: String = "", bits: Int, scale: DecimalNumber = .one, offset: DecimalNumber = .zero,
            canBeMissing: Bool = false
        ) {
            self.name = name
            self.unit = unit
            self.bits = bits
            self.scale = scale
            self.offset = offset
            self.canBeMissing = canBeMissing
        }
    }

    /// Why there is no such template.
    public enum Fault: Error, Equatable, Sendable {
        case noFields
        case tooManyFields
        /// The field's bits are not 1 to 53, its scale is 0, its name is empty or another's, or one of its values has a
        /// mantissa beyond +-(2^53 - 1) or an exponent beyond -18...18.
        case field(Int)
    }

    /// Why a reading does not go into it; it then travels as it is.
    public enum Misfit: Error, Equatable, Sendable {
        /// A value that no field is for, or a second one for the same field.
        case unknownValue
        case missingValue
        /// Between two steps.
        case betweenSteps
        case outOfRange
        /// It says when it was measured, and the template has no place for that.
        case hasTime
    }

    public static let mostFields = 64

    public let fields: [Field]

    public init(_ fields: [Field]) throws(Fault) {
        guard !fields.isEmpty else { throw .noFields }
        guard fields.count <= Self.mostFields else { throw .tooManyFields }
        var place = 0
        for field in fields {
            guard field.bits >= 1, field.bits <= 53, field.scale.mantissa != 0, !field.name.isEmpty else {
                throw .field(place)
            }
            for earlier in fields[0..<place] where Self.same(earlier.name, field.name) { throw .field(place) }
            guard field.value(0) != nil, field.value(field.largest) != nil else { throw .field(place) }
            place += 1
        }
        self.fields = fields
    }

    /// Of each reading.
    public var byteCount: Int {
        var bits = 0
        for field in fields { bits += field.bits }
        return (bits + 7) / 8
    }

    public func encode(_ reading: Reading) throws(Misfit) -> [UInt8] {
        guard reading.unixSeconds == nil else { throw .hasTime }
        var integers = [UInt64?](repeating: nil, count: fields.count)
        for value in reading.measurements {
            guard let place = place(of: value), integers[place] == nil else { throw .unknownValue }
            integers[place] = try fields[place].integer(DecimalNumber(value))
        }
        var writer = BitWriter()
        var place = 0
        for field in fields {
            if let integer = integers[place] {
                writer.write(integer, bits: field.bits)
            } else {
                guard field.canBeMissing else { throw .missingValue }
                writer.write(field.allOnes, bits: field.bits)
            }
            place += 1
        }
        return writer.bytes
    }

    /// nil: other bytes than `encode` makes.
    public func decode(_ body: [UInt8]) -> Reading? {
        guard body.count == byteCount else { return nil }
        var reader = BitReader(body)
        var reading = Reading(measurements: [])
        for field in fields {
            let integer = reader.read(bits: field.bits)
            if field.canBeMissing, integer == field.allOnes { continue }
            guard let value = field.value(integer) else { return nil }
            reading.measurements.append(
                MeasuredValue(name: field.name, unit: field.unit, mantissa: value.mantissa, exponent: value.exponent))
        }
        return reader.restIsZero ? reading : nil
    }

    private func place(of value: MeasuredValue) -> Int? {
        var place = 0
        for field in fields {
            if Self.same(field.name, value.name), Self.same(field.unit, value.unit) { return place }
            place += 1
        }
        return nil
    }

    /// Byte for byte: comparing as Unicode does needs tables that a device has no room for.
    private static func same(_ left: String, _ right: String) -> Bool {
        let left = left.utf8.span
        let right = right.utf8.span
        guard left.count == right.count else { return false }
        for index in left.indices where left[index] != right[index] { return false }
        return true
    }
}

extension DecimalNumber {
    init(_ value: MeasuredValue) {
        self.init(mantissa: value.mantissa, exponent: value.exponent)
    }
}

extension PayloadTemplate.Field {
    var allOnes: UInt64 { 1 << UInt64(bits) - 1 }

    /// The highest integer that is a value.
    var largest: UInt64 { canBeMissing ? allOnes - 1 : allOnes }

    /// With the exponent of scale or offset, whichever is lower; nil: no number that a Matrix event carries.
    func value(_ integer: UInt64) -> DecimalNumber? {
        let exponent = offset.mantissa == 0 ? scale.exponent : min(scale.exponent, offset.exponent)
        guard MeasuredValue.exponents.contains(exponent), let integer = Int64(exactly: integer),
            let step = scale.mantissa(at: exponent), let start = offset.mantissa(at: exponent)
        else { return nil }
        let (product, overflow) = integer.multipliedReportingOverflow(by: step)
        let (sum, carry) = product.addingReportingOverflow(start)
        guard !overflow, !carry, sum.magnitude <= UInt64(MeasuredValue.largestMantissa) else { return nil }
        return DecimalNumber(mantissa: sum, exponent: exponent)
    }

    func integer(_ value: DecimalNumber) throws(PayloadTemplate.Misfit) -> UInt64 {
        let exponent = min(value.exponent, min(scale.exponent, offset.exponent))
        guard let wanted = value.mantissa(at: exponent), let step = scale.mantissa(at: exponent),
            let start = offset.mantissa(at: exponent)
        else { throw .outOfRange }
        let (difference, overflow) = wanted.subtractingReportingOverflow(start)
        guard !overflow else { throw .outOfRange }
        let (quotient, remainder) = difference.quotientAndRemainder(dividingBy: step)
        guard remainder == 0 else { throw .betweenSteps }
        guard quotient >= 0, UInt64(quotient) <= largest else { throw .outOfRange }
        return UInt64(quotient)
    }
}
