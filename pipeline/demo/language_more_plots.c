/* language_more_plots.c - plots about races, weather, nights, work and wishes */
#include "pipeline/demo/language.h"

/* what is built/of what/what goes wrong/what makes it strong */
static const struct list buildings =
    LIST("tower/blocks/The tower was too thin, and it fell down/put the big blocks "
         "at the bottom",
         "sand castle/sand/A big wave came and washed it away/built it far from the water",
         "tree house/wood/The wind came and blew it down/used strong ropes",
         "snowman/snow/The snowman was too thin, and it fell over/made a big snowball for the bottom",
         "bridge/sticks/The water came and carried it away/put heavy stones under it");
/* sound/what made it/short */
static const struct list sounds = LIST("tap, tap, tap/a branch that moved in the wind/branch",
                                       "meow, meow/a little kitten that wanted to come in/kitten",
                                       "squeak, squeak/a tiny mouse with a piece of "
                                       "cheese/mouse",
                                       "knock, knock/an old door that moved in the wind/door");
/* what/with article */
static const struct list foods = LIST("cake/a cake", "pie/a pie", "soup/some soup", "bread/some bread",
                                      "cookies/some cookies", "pancakes/some pancakes");
static const struct list sweets = LIST("cookies", "berries", "nuts", "apples", "pancakes", "cherries");
static const struct list treasures =
    LIST("gold coins", "old books", "shiny stones", "colorful shells", "toys");
static const struct list wishes =
    LIST("stone/shiny", "lamp/old", "shell/golden", "ring/silver", "feather/white");
static const struct list chores =
    LIST("rake the leaves/leaves", "wash the dishes/dishes", "carry the wood/wood", "pick the apples/apples",
         "clean the windows/windows");
static const struct list indoor = LIST("a fort with blankets", "a boat with boxes", "a castle with pillows",
                                       "a train with chairs", "a show with puppets");
static const struct list weather =
    LIST("rain/It began to rain", "snow/It began to snow", "wind/A strong wind began to blow");

const struct plot language_more_plots[] = {
    {ANIMALS,
     {{'p', &language_places}, {'t', &sweets}},
     {"$hn was very fast{|, and $hs talked about it all the time}. \"{I am the fastest of all|Nobody is as "
      "fast "
      "as me}!\" said $hn. ^$hp friend $fr was slow, but $fs never gave up.",
      "\n\n$od, the $fk said, \"Let us have a race $p3, $hn.\" $hn laughed. \"{You are too slow|You will "
      "never "
      "win}!\" $hs said. {All the animals came to watch.|\"We will see,\" said the $fk.} The race began.",
      "\n\n$hn ran so fast that the $fk was far behind. {\"I have a lot of time,\" said $hn.|\"I will win,\" "
      "thought $hn.} ^$hs stopped to eat some $t1 and fell asleep. But the $fk did not stop. ^$fs went on, "
      "step "
      "by step.",
      "When $hn woke up, the $fk was already at the end! {$hn ran as fast as $hs could, but it was too "
      "late.|$hn "
      "ran and ran, but it was too late.}",
      "\n\n\"You won, my friend,\" said $hn. \"{I am sorry that I laughed|I should not have laughed}.\" The "
      "$fk "
      "smiled. \"{We can still be friends|That is all right},\" $fs said. $hn learned that {slow and steady "
      "wins "
      "the race|it is not good to laugh at others}."}},
    {ANIMALS,
     {{'t', &sweets}},
     {"$hn loved $t1 more than anything. $od, $hn found a {big|large} basket of $t1. \"{These are all for "
      "me|I "
      "will eat them all},\" $hs said.",
      "\n\n{Then|Soon} $hp friend $fr came. \"I am hungry,\" said the $fk. \"{Can I have some $t1|May I have "
      "some "
      "$t1}, please?\" \"No,\" said $hn. \"They are all mine!\" The $fk {went away|walked home}. ^$fs was "
      "sad.",
      "\n\n$hn ate and ate until the basket was empty. Then $hp tummy began to hurt. \"Ouch,\" {said|cried} "
      "$hn. "
      "\"I ate too {many|many $t1}.\" ^$hp friend heard $ho and came back. The $fk {gave $ho some warm "
      "tea|brought some water} and stayed with $ho until $hs felt better.",
      "\n\n\"{You are so kind|Thank you}, my friend,\" said $hn. \"{I am sorry that I did not share|I should "
      "have "
      "shared the $t1 with you}.\" The next day, $hn found some more $t1. This time, $hs gave half of them "
      "to $hp "
      "friend. $hn learned that {it is better to share|sharing makes everyone happy}."}},
    {EITHER,
     {{'b', &buildings}},
     {"$od, $hn and $hp friend $fr {wanted to build|decided to build} a $b1. They {got|found} a lot of $b2 "
      "and "
      "worked all morning.",
      "\n\nBut then something bad happened. $b3. \"Oh no!\" {said|cried} $hn. \"{Our $b1 is gone|All our "
      "work is "
      "gone}.\" $hn was {sad|angry} and wanted to {stop|go home}.",
      "\n\n\"{Do not give up|Let us try again}, $hn,\" said $hp friend. \"{This time we will make it "
      "better|I "
      "have an idea}.\" They got more $b2. They $b4. {$hn worked hard, and $hp friend worked hard too.|They "
      "helped each other.}",
      "\n\n{In the end|At last}, the new $b1 was {big and strong|ready}. \"{We did it|Look at our $b1}!\" "
      "said "
      "$hn. ^$hp $mn came to see the $b1. \"{What a great $b1|You did a great job},\" $ms said. $hn learned "
      "that "
      "{you should try again when things go wrong|friends can do great things together}."}},
    {CHILDREN,
     {{'s', &sounds}},
     {"$on, $hn was in bed. {It was very dark.|The room was dark.} {Suddenly|Then} $hs heard a sound at the "
      "window: $s1. {$hn was very scared.|$hn hid under the blanket.} \"Is it a monster?\" $hs asked.",
      "\n\n$hn called $hp $mn. ^$hp $mn came into the room and turned on the light. \"{I heard a sound at "
      "the "
      "window|There is a monster at the window},\" said $hn. \"Let us {look|see what it is} together,\" said "
      "$hp "
      "$mn. ^$ms took $hn by the hand.",
      "\n\nThey went to the window and looked. It was not a monster. It was $s2! $hn {laughed|began to "
      "laugh}. "
      "\"It is only a $s3,\" $hs said.",
      "\n\n$hp $mn {gave $ho a kiss|sat by the bed}. \"{The dark is not so bad|Sometimes things are not as "
      "scary "
      "as they sound},\" $ms said. $hn closed $hp eyes and fell asleep. {From that night on, $hn was not "
      "afraid of "
      "the dark.|The next day, $hn told $hp friend $fn about the $s3, and they both laughed.}"}},
    {EITHER,
     {{'t', &treasures}, {'p', &language_places}, {'w', &language_hideouts}},
     {"$od, $hn found an old map. There was a big X on it. \"{It is a treasure map|This map shows a "
      "treasure}!\" "
      "said $hn. ^$hs ran to $hp friend $fr. \"{Look at this map|Look what I found}!\" said $hn. \"{Let us "
      "find "
      "the treasure|We must find the treasure}.\"",
      "\n\n$hn and $hp friend followed the map. They went $p3. But they could not find the X. {\"Maybe there "
      "is "
      "no treasure,\" said $hp friend.|They looked for a long time, and they were tired.} Then $hn looked at "
      "the "
      "map again. \"The treasure must be $w1,\" said $hn.",
      "\n\nThey {went there and began to dig|dug a deep hole $w1}. {Soon|After a while}, they found a "
      "{big|small} "
      "box. {^$hp friend opened the box.|$hn opened the box.} It was full of $t1! \"We found the treasure!\" "
      "{they shouted|shouted $hp friend}.",
      "\n\n$hn and $hp friend shared the $t1. {$hn gave some to $hp $mn too.|They each took half of them "
      "home.} "
      "\"{The best treasure is a good friend|It was fun because we did it together},\" said $hn. ^$hp friend "
      "smiled{| and hugged $ho}."}},
    {EITHER,
     {{'w', &wishes}, {'p', &language_places}},
     {"$od, $hn found @$w2 $w1 $p2. \"I am a magic $w1,\" it said. \"{You can make one wish|I will give you "
      "one "
      "wish}.\"",
      "\n\n$hn thought about it. ^$hs wanted {a new toy|a big cake|a lot of candy}. But then $hs saw $hp "
      "friend "
      "$fr. ^$fs was {sick|sad} and could not play. $hn felt sorry for $fo.",
      "\n\n\"{I know my wish|I have a wish},\" said $hn to the $w1. \"I wish that my friend feels "
      "{better|happy "
      "and well}.\" The $w2 $w1 began to glow. Then $hp friend {stood up|jumped up} and smiled. \"{I feel "
      "great|I "
      "feel so much better}!\" said $hp friend.",
      "\n\n\"{You have a good heart|That was a kind wish}, $hn,\" said the magic $w1. $hn and $hp friend "
      "{played "
      "together until the sun went down|ran and played all day}. $hn learned that {helping a friend is "
      "better "
      "than any toy|it is good to think of others}."}},
    {CHILDREN,
     {{'o', &language_toys}, {'c', &language_colors}},
     {"$hn did not like to clean {up|$hp room}. There were {toys|clothes and toys} all over the floor. "
      "\"Please "
      "clean your room, $hn,\" said $hp $mn. \"{Not now|Later},\" said $hn.",
      "\n\n$od, $hp friend $fn came to play. \"Let us play with your $c1 $o1,\" said $hp friend. $hn looked "
      "for "
      "the $c1 $o1, but $hs could not find it. {The room was too messy.|There were too many things on the "
      "floor.} "
      "\"{My $c1 $o1 is lost|I cannot find my $c1 $o1},\" said $hn. ^$hs was sad.",
      "\n\n\"{I can help you|Let us clean up together},\" said $hp friend. $hn put the books on the shelf, "
      "and "
      "$hp friend put the toys in the box. {Soon|After a while}, the floor was clean. And there, under the "
      "{bed|chair}, was the $c1 $o1!",
      "\n\n\"{Here it is|We found it}!\" said $hn. $hn and $hp friend played with the $c1 $o1 all day. $hn's "
      "$mn "
      "{saw the room and was very happy|was proud of $ho}. From that day on, $hn {put $hp toys away every "
      "evening|always cleaned $hp room}."}},
    {CHILDREN,
     {{'o', &language_toys}, {'c', &language_colors}, {'j', &chores}},
     {"$hn saw @$c1 $o1 in a shop. \"I want to buy the $c1 $o1,\" $hs said. But $hn did not have any money. "
      "{^$hs "
      "was sad.|\"What can I do?\" $hs asked.}",
      "\n\n\"You can {help me|work for it},\" said $hp $mn. \"You can $j1, and I will give you {some coins|a "
      "coin "
      "every day}.\" {It was hard work, but $hn did not stop.|$hn worked hard every day.} $hp friend $fn "
      "came to "
      "help $ho with the $j2.",
      "\n\nAt last, $hn had {enough|a bag full of} coins. $hn and $hp friend {went|ran} to the shop and "
      "bought "
      "the $c1 $o1. \"{Thank you for your help|I could not have done it without you}, my friend,\" said $hn. "
      "\"We "
      "can both play with it.\"",
      "\n\nThey played with the $c1 $o1 until {it was dark|dinner}. {$hn was proud because $hs had worked "
      "for "
      "it.|^$hp $mn smiled and was very proud of $ho.} $hn learned that {hard work is worth it|good things "
      "come "
      "to those who work for them}."}},
    {EITHER,
     {{'p', &language_places}, {'i', &indoor}, {'r', &weather}},
     {"$hn and $hp friend $fr wanted to {have a picnic|play} $p2. They packed {a big basket|some food} and "
      "were "
      "{ready to go|very happy}. But then the sky got dark. $r2.",
      "\n\n\"Oh no,\" said $hp friend. \"{We cannot go outside|We cannot have fun in the $r1}.\" ^$fs was "
      "sad. $hn "
      "was sad too. They {sat by the window|looked at the $r1} and did not know what to do.",
      "\n\n\"{I have an idea|Do not be sad},\" said $hn. \"We can make $i1 in the house!\" {^$hp friend "
      "smiled.|^$hp friend liked the idea.} $hn's $mn {helped them|gave them everything they needed}. Soon "
      "they "
      "had $i1.",
      "\n\n$hn and $hp friend {ate their food there and laughed|played there all day}. \"This is even better "
      "than "
      "{a picnic|playing outside},\" said $hp friend. They learned that {you can have fun in any weather|a "
      "good "
      "idea can save the day}."}},
    {EITHER,
     {{'e', &foods}, {'p', &language_places}},
     {"$od, $hn heard that $hp friend $fr was sick and had to stay in bed. $hn {was worried about|wanted to "
      "help} "
      "$fo.",
      "\n\n\"What can I do for my friend?\" $hn asked $hp $mn. \"You can {bring|take} $fo something good to "
      "eat,\" said $hn's $mn. So they made $e2 together. Then $hn put the $e1 in a basket.",
      "\n\nOn the way, $hn {had to go|walked} $p3. ^$hs saw some {pretty flowers|yellow flowers} there and "
      "picked "
      "them for $hp friend. {The basket was heavy, but $hn did not stop.|It was a long way, but $hn did not "
      "stop.}",
      "\n\n\"{Hello|Good morning}, my friend,\" said $hn. \"I brought you $e2 and some flowers.\" ^$hp "
      "friend sat "
      "up in bed and smiled. \"Thank you, $hn,\" $fs said. \"{You make me feel better|You are so kind}.\" "
      "{Soon "
      "$hp friend was well again, and they played together.|The next day, $hp friend was well again.} $hn "
      "learned "
      "that {a little kindness can help a lot|friends take care of each other}."}},
};
const unsigned n_language_more_plots = sizeof language_more_plots / sizeof *language_more_plots;
