public import CompactMatrix

extension Gateway {
    /// Says how the readings of a device's firmware are packed; nil: they describe themselves.
    public func setTemplate(of name: String, _ template: PayloadTemplate?) throws(DeviceError) -> DeviceRecord {
        var record = try standing(name)
        record.template = template?.encoded ?? []
        devices[record.number]?.record = record
        devices[record.number]?.recordChanged = true
        touched.insert(record.number)
        return record
    }

    /// A packed reading as one that describes itself: what it means must not depend on a template that is changed later. nil:
    /// the device has no template, or its template makes no such bytes.
    func unpacked(_ body: [UInt8], of record: DeviceRecord) -> [UInt8]? {
        guard let template = PayloadTemplate(decoding: record.template), let reading = template.decode(body) else {
            return nil
        }
        return Uplink.reading(reading).body
    }
}
