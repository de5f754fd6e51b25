// Small test collections with known answers: texts by their keys, and for each question the keys of all texts that answer it.

export type Collection = { texts: Record<string, string>; answers: Record<string, string[]> }

export const chinese: Collection = {
  texts: {
    refund: '退款政策说明：客户在收到商品后七天内可以申请退款。退款将在三个工作日内原路返回。',
    exchange: '换货流程：商品有质量问题时，客户可以在十五天内要求换货，运费由公司承担。',
    leave: '员工每年享有十天带薪年假。年假须提前两周向主管申请，未休的年假可以结转到下一年。',
    sick: '员工生病时应当天通知主管。病假超过三天须提交医院证明。',
    travel: '出差费用在返回后十天内报销。报销须附上发票原件和行程单。',
    password: '密码至少十二位，须包含数字和字母。忘记密码时请联系信息部门重置。',
    visitor: '访客须在前台登记并佩戴访客证。访客离开时须归还访客证。',
    fire: '发生火灾时请使用楼梯，不要乘坐电梯。集合地点在大楼东侧停车场。',
    parking: '停车证每年更换一次。没有停车证的车辆不得停入地下停车场。',
    tea: '茶水间每天下午三点提供免费的茶和咖啡。',
    training: '新员工须在入职一个月内完成安全培训。培训记录由人力资源部保存。',
    salary: '工资在每月最后一个工作日发放。加班费与当月工资一起发放。',
  },
  answers: {
    退款: ['refund'],
    申请退款: ['refund'],
    七天: ['refund'],
    质量问题: ['exchange'],
    年假: ['leave'],
    带薪年假: ['leave'],
    医院证明: ['sick'],
    报销发票: ['travel'],
    忘记密码: ['password'],
    访客证: ['visitor'],
    火灾: ['fire'],
    停车场: ['fire', 'parking'],
    停车证: ['parking'],
    茶: ['tea'],
    安全培训: ['training'],
    加班费: ['salary'],
    人力资源部: ['training'],
    电梯: ['fire'],
  },
}

export const japanese: Collection = {
  texts: {
    holiday: '従業員は年間二十日の有給休暇を取得できます。休暇は二週間前までに上司に申請してください。',
    expense: '出張の経費は帰社後十日以内に精算してください。領収書の原本が必要です。',
    password: 'パスワードは十二文字以上にしてください。パスワードを忘れた場合は情報システム部に連絡してください。',
    visitor: '来客は受付で名前を記入し、入館証を着用してください。',
    fire: '火災のときはエレベーターを使わず、階段で避難してください。集合場所は駐車場です。',
    cat: '社内で猫を飼うことはできません。盲導犬は認められています。',
    overtime: '残業は事前に承認を受けてください。残業代は翌月の給与と一緒に支払われます。',
    server: 'サーバーの再起動は毎週日曜日の深夜に行います。',
    training: '新入社員は入社後一か月以内に安全研修を受けます。',
    coffee: 'コーヒーと紅茶は無料です。カップは各自で洗ってください。',
  },
  answers: {
    有給休暇: ['holiday'],
    休暇: ['holiday'],
    領収書: ['expense'],
    経費精算: ['expense'],
    パスワード: ['password'],
    入館証: ['visitor'],
    エレベーター: ['fire'],
    避難: ['fire'],
    猫: ['cat'],
    盲導犬: ['cat'],
    残業代: ['overtime'],
    サーバー: ['server'],
    再起動: ['server'],
    安全研修: ['training'],
    コーヒー: ['coffee'],
    紅茶: ['coffee'],
  },
}

export const thai: Collection = {
  texts: {
    leave: 'พนักงานมีสิทธิลาพักร้อนปีละสิบวัน ต้องแจ้งหัวหน้าล่วงหน้าสองสัปดาห์',
    refund: 'ลูกค้าสามารถขอคืนเงินได้ภายในเจ็ดวันหลังได้รับสินค้า',
    fire: 'เมื่อเกิดไฟไหม้ให้ใช้บันได ห้ามใช้ลิฟต์',
    password: 'รหัสผ่านต้องยาวอย่างน้อยสิบสองตัวอักษร',
    coffee: 'กาแฟและชาให้บริการฟรีทุกบ่าย',
    doctor: 'ลาป่วยเกินสามวันต้องมีใบรับรองแพทย์',
    water: 'โปรดประหยัดน้ำและไฟฟ้าในสำนักงาน',
    salary: 'เงินเดือนจ่ายในวันทำการสุดท้ายของเดือน',
  },
  answers: {
    ลาพักร้อน: ['leave'],
    คืนเงิน: ['refund'],
    ไฟไหม้: ['fire'],
    ลิฟต์: ['fire'],
    รหัสผ่าน: ['password'],
    กาแฟ: ['coffee'],
    ใบรับรองแพทย์: ['doctor'],
    ไฟฟ้า: ['water'],
    เงินเดือน: ['salary'],
    น้ำ: ['water'],
  },
}

export const korean: Collection = {
  texts: {
    leave: '직원은 매년 십오 일의 연차휴가를 사용할 수 있습니다. 휴가는 이 주 전에 신청해야 합니다.',
    refund: '고객은 상품을 받은 후 칠 일 이내에 환불을 신청할 수 있습니다.',
    fire: '화재가 발생하면 엘리베이터를 타지 말고 계단으로 대피하십시오.',
    password: '비밀번호는 열두 자 이상이어야 하며 숫자를 포함해야 합니다.',
    coffee: '커피와 차는 매일 오후에 무료로 제공됩니다.',
    school: '학교에서 배운 내용을 회사에서 다시 교육합니다.',
    salary: '급여는 매월 마지막 근무일에 지급됩니다.',
  },
  answers: {
    휴가: ['leave'],
    연차휴가: ['leave'],
    환불: ['refund'],
    화재: ['fire'],
    엘리베이터: ['fire'],
    비밀번호: ['password'],
    커피: ['coffee'],
    학교: ['school'],
    급여: ['salary'],
  },
}

export const german: Collection = {
  texts: {
    leave:
      'Beschäftigte haben Anspruch auf dreißig Tage Urlaub im Jahr. Der Urlaub ist zwei Wochen vorher beim Vorgesetzten zu beantragen.',
    refund: 'Kunden können die Ware innerhalb von vierzehn Tagen zurückgeben. Der Kaufpreis wird erstattet.',
    cats: 'Haustiere sind im Gebäude nicht erlaubt. Katzen und Hunde bleiben zu Hause, Blindenhunde sind ausgenommen.',
    sizes: 'Für Übergrößen berechnen wir einen Zuschlag von zehn Euro. Kleine Größen kosten nicht mehr.',
    fire: 'Bei einem Brand sind die Treppen zu benutzen, nicht die Aufzüge. Der Sammelplatz ist der Parkplatz im Osten.',
    court:
      'Das Bundesverfassungsgericht entscheidet über Verfassungsbeschwerden. Seine Entscheidungen binden alle Gerichte.',
    houses: 'Die Häuser der Siedlung wurden saniert. Jedes Haus hat neue Fenster.',
    invoice: 'Rechnungen sind innerhalb von 30 Tagen zu bezahlen. Bei E-Mail-Rechnungen gilt das Datum des Eingangs.',
    illness: 'Wer krank ist, meldet sich vor Arbeitsbeginn. Ab dem dritten Tag ist ein Attest vorzulegen.',
    street: 'Das Büro liegt in der Straße „Am Grünen Weg“ 12a.',
  },
  answers: {
    'Urlaub beantragen': ['leave'],
    'Katze Hund': ['cats'],
    Übergröße: ['sizes'],
    Brand: ['fire'],
    Aufzug: ['fire'],
    Bundesverfassungsgericht: ['court'],
    Entscheidung: ['court'],
    Haus: ['houses', 'cats'],
    'Rechnung bezahlen': ['invoice'],
    'E-Mail': ['invoice'],
    Attest: ['illness'],
    STRASSE: ['street'],
    Fenster: ['houses'],
    zurückgeben: ['refund'],
  },
}
